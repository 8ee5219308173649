"""Decide what Tune hands on to the processes of its trials."""

from __future__ import annotations


def keep_keys_out_of_logs() -> None:
    """Keep the AWS keys of this environment out of the descriptions of Tune's actors, which Ray logs for all to read.

    Actors on this machine inherit the environment anyway; on other nodes the node must have access rights of its own.
    """
    from ray.tune.execution import class_cache  # private: no option says what Tune hands on

    variables = class_cache.ENV_VARS_TO_PROPAGATE
    variables.difference_update({name for name in variables if name.startswith("AWS_")})
