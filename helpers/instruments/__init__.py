"""The instruments of all chapters. Each is called with no arguments, or with starting settings."""

from helpers import contents


def names():
    """The names of all instruments. (To know them, every module of a chapter is imported.)"""
    from helpers.instruments.frame import Instrument

    def is_instrument(name):
        module = contents.find(name)
        return any(
            isinstance(one, type) and issubclass(one, Instrument) and one.__module__ == module.__name__
            for one in vars(module).values()
        )

    return sorted(name for name in contents.modules() if is_instrument(name))


def __getattr__(name):
    if name == "__all__":
        return names()
    module = contents.find(name)
    if module is None or not hasattr(module, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)


def __dir__():
    return [*globals(), *names()]
