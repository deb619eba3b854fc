"""Sources by the name that a user writes."""

from collections.abc import Callable
from difflib import get_close_matches

from assay.config.settings import DownloadSettings
from assay.data.downloads.ccxt import Ccxt
from assay.data.downloads.dukascopy import Dukascopy
from assay.data.downloads.dukascopy_json import DukascopyJson
from assay.data.downloads.oanda import HOSTS, Oanda
from assay.data.downloads.source import Source
from assay.data.downloads.yahoo import Yahoo
from assay.domain.errors import ConfigError

SOURCES = ("dukascopy", "dukascopy-json", "oanda", "ccxt:EXCHANGE", "yahoo")


def source_named(
    text: str, settings: DownloadSettings, now_ns: int, secret: Callable[[str], str | None]
) -> Source:
    """Return the source that *text* names.

    Parameters
    ----------
    text : str
        ``dukascopy``, ``dukascopy-json``, ``oanda``, ``yahoo``, or ``ccxt:`` and the name of
        an exchange.
    settings : DownloadSettings
    now_ns : int
        UTC nanoseconds.
    secret : callable
        Looks up an environment variable.

    Raises
    ------
    ConfigError
        If there is no such source, or it lacks what it needs, such as a token.
    """
    name, _, detail = text.strip().lower().partition(":")
    if name == "dukascopy" and not detail:
        return Dukascopy(settings.dukascopy_url)
    if name == "dukascopy-json" and not detail:
        return DukascopyJson(settings.dukascopy_json_url)
    if name == "oanda" and not detail:
        return _oanda(settings, now_ns, secret)
    if name == "yahoo" and not detail:
        return Yahoo(settings.yahoo_url, now_ns)
    if name == "ccxt" and detail:
        return Ccxt(detail, settings.ccxt_url)
    nearest = get_close_matches(
        name, ["dukascopy", "dukascopy-json", "oanda", "ccxt", "yahoo"], n=1
    )
    meant = "ccxt:kraken" if nearest == ["ccxt"] else next(iter(nearest), "")
    raise ConfigError(
        f"A source must be one of {', '.join(SOURCES)}; was {text!r}.",
        remedy=f"Did you mean {meant}?" if meant else "Choose one of these.",
        value=text,
    )


def _oanda(settings: DownloadSettings, now_ns: int, secret: Callable[[str], str | None]) -> Source:
    token = secret(settings.oanda_token_variable)
    if not token:
        raise ConfigError(
            f"OANDA needs an access token in the environment variable "
            f"{settings.oanda_token_variable}; it is not set.",
            remedy="Make a token in the account's page of OANDA and export it in that variable.",
            variable=settings.oanda_token_variable,
        )
    return Oanda(settings.oanda_url or HOSTS[settings.oanda_account], token, now_ns)
