"""What a process keeps for good is not searched for garbage again."""

import gc


def settle() -> None:
    """
    Call once, when all is imported and built.

    CPython collects its oldest objects only once those that wait for it are a quarter of those that survived
    the last time (`long_lived_pending` in Modules/gcmodule.c). The imports alone are a hundred thousand of
    these: megabytes of garbage would wait for hours.
    """
    gc.collect()
    gc.freeze()
