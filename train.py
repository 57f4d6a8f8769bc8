"""python train.py model=cvae data=fashion_mnist"""

from importlib import import_module

from vaelab.signals import to_the_end

if __name__ == "__main__":
    # Imported there: that takes a second, in which a signal is heard already.
    raise SystemExit(to_the_end(lambda: import_module("vaelab.cli.train").main()))
