"""python train.py model=cvae data=fashion_mnist"""

from importlib import import_module

from vaelab.signals import run_command

if __name__ == "__main__":
    # Imported there: that takes a second, in which a signal is heard already.
    raise SystemExit(run_command(lambda: import_module("vaelab.cli.train").main()))
