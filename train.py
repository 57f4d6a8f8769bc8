"""python train.py model=cvae data=fashion_mnist"""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command handles it: Ctrl-C amid imports is no traceback
    from vaelab.commands.train import main

    raise SystemExit(main())
