"""Decide what Tune hands on to the processes of its trials."""

from __future__ import annotations


def hand_on_nothing() -> None:
    """Keep Tune from giving its trials variables of their own; they inherit those of their node or of the whole run.

    Ray would not lend processes with such variables and processes without them to each other, so that the libraries
    would be imported again. And AWS keys would stand in the descriptions of Tune's actors, which Ray logs for all to
    read; on other nodes the node must have access rights of its own.
    """
    from ray.tune.execution import class_cache  # private: no option says what Tune hands on

    class_cache.DEFAULT_ENV_VARS.clear()
    class_cache.ENV_VARS_TO_PROPAGATE.clear()
