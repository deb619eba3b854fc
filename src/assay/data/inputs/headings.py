"""Headers of calendars, sentiment series and order books, and the role each one names."""

from collections.abc import Sequence

from assay.data.importers.headers import normal

NEWS = {
    "time": "time datetime date_time timestamp release_time event_time start scheduled "
    "scheduled_time time_utc datetime_utc time_gmt date_utc date_gmt utc gmt dateutc "
    "release_date_time time_ns ts date_and_time",
    "date": "date day release_date event_date",
    "currency": "currency cur ccy curr currency_code symbol",
    "country": "country country_code region zone country_name economy area",
    "impact": "impact importance imp priority stars volatility impact_level importance_level",
    "title": "event title name event_name indicator news headline description release "
    "event_title indicator_name",
    "actual": "actual actual_value act",
    "forecast": "forecast consensus expected estimate survey exp forecast_value cons median "
    "market_forecast te_forecast",
    "previous": "previous prev prior last previous_value prev_value",
    "revised": "revised revised_previous revised_prev revised_prev_value revised_from "
    "previous_revised revision",
    "unit": "unit units",
    "event_id": "event_id id value_id uid guid calendar_id",
    "published": "published published_at announced announced_at schedule_known known known_at "
    "known_time published_time created_at",
    "released": "released released_at actual_known actual_time actual_released",
    "status": "status state",
}
SENTIMENT = {
    "time": "time datetime date_time timestamp ts time_utc datetime_utc date_utc as_of asof "
    "time_ns utc gmt snapshot_time",
    "date": "date day",
    "symbol": "symbol instrument pair ticker asset currency ccy market name currency_pair",
    "source": "source provider origin feed vendor",
    "value": "sentiment sentiment_score score sentiment_value polarity net_sentiment "
    "sentiment_index compound mood",
    "percent": "sentiment_pct sentiment_percent sentiment_percentage net_pct net_percent "
    "net_sentiment_pct",
    "long": "long long_pct long_percent long_percentage longs longpercent long_ratio "
    "percent_long pct_long buyers buy_pct bullish bullish_pct bull bulls long_positions "
    "longcountpercent longpercentage bullish_percent",
    "short": "short short_pct short_percent short_percentage shorts shortpercent short_ratio "
    "percent_short pct_short sellers sell_pct bearish bearish_pct bear bears short_positions "
    "shortcountpercent shortpercentage bearish_percent",
    "published": "published published_at known known_at known_time released released_at "
    "available available_at publication_time",
}
BOOK = {
    "time": "time datetime date_time timestamp ts time_utc time_msc snapshot_time local_time "
    "exchange_time event_time received_time time_ns utc gmt",
    "date": "date day",
    "symbol": "symbol instrument pair ticker",
    "side": "side type book_type bid_ask direction booktype",
    "price": "price px rate",
    "size": "size volume qty quantity amount vol volume_real liquidity volume_dbl",
    "level": "level depth lvl position rank",
    "published": "published published_at known known_at received received_at recv_time",
}
_CLOCKS = frozenset({"time", "hour", "time_of_day", "hhmm", "release_time", "event_time"})

Headings = dict[str, str]


def roles_in(headers: Sequence[str], headings: Headings) -> dict[str, int]:
    """Return the position of each role among *headers*; the first spelling listed wins.

    A date column next to a time column makes the latter the ``clock``. A zone in brackets
    behind a name (``Time (GMT+2)``) does not matter here.

    Examples
    --------
    >>> roles_in(["Date", "Time", "Cur.", "Imp.", "Event"], NEWS)
    {'date': 0, 'clock': 1, 'currency': 2, 'impact': 3, 'title': 4}
    """
    spellings = {
        spelling: (role, place)
        for role, listed in headings.items()
        for place, spelling in enumerate(listed.split())
    }
    found: dict[str, int] = {}
    rank: dict[str, int] = {}
    for position, header in enumerate(headers):
        name = normal(header.split("(")[0]) or normal(header)
        role, place = spellings.get(name, spellings.get(normal(header), ("", 0)))
        if not role:
            continue
        if role not in found or place < rank[role]:
            found[role], rank[role] = position, place
    names = [normal(header.split("(")[0]) for header in headers]
    if "date" in found:
        if "time" in found and names[found["time"]] in _CLOCKS:
            found["clock"] = found.pop("time")
        elif "time" in found:
            del found["date"]
    return dict(sorted(found.items(), key=lambda item: item[1]))
