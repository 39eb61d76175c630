"""Securities transactions through the smallcase Gateway: the runtime code of every function."""

import gc
import os

# Imports create objects that stay, and each collection visits them again. On Lambda there are few collections while a
# function starts; `bootstrap.start` restores the defaults. A limit, not a switch: code that imports a module of this
# package without `start` still has its garbage collected.
COLLECTOR_DEFAULTS = gc.get_threshold()
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.set_threshold(200_000)
