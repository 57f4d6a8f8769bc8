"""python train.py model=cvae data=fashion_mnist"""

from vaelab.commands.train import main

if __name__ == "__main__":
    raise SystemExit(main())
