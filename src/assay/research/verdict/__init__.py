"""The verdict: the one rule by which anything is promoted."""
