"""`python -m operations.protect`: protect the stack and its tables from deletion.

This is the second step of a production deployment, because a protected table cannot be rolled back: if the first
deployment failed, it would leave tables behind. The command updates the stack with its current template and parameters.
Later deployments keep the parameter, unless they set it.
"""

import sys
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from operations import stage as stages
from operations.stage import Stage

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

PARAMETER: Final = "DeletionProtection"


def protect(stage: Stage) -> bool:
    """Protect the stack. Returns False if it already was.

    Raises botocore's errors if AWS rejects the update or the update fails.
    """
    client = stage.cloudformation
    [stack] = client.describe_stacks(StackName=stage.stack)["Stacks"]
    set_already = {"ParameterKey": PARAMETER, "ParameterValue": "true"} in stack.get("Parameters", [])
    if not set_already:
        parameters: list[ParameterTypeDef] = [
            {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
            for each in stack.get("Parameters", [])
            if each["ParameterKey"] != PARAMETER
        ]
        client.update_stack(
            StackName=stage.stack,
            UsePreviousTemplate=True,
            Parameters=[*parameters, {"ParameterKey": PARAMETER, "ParameterValue": "true"}],
            # The template before SAM's transform is the one to deploy.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        client.get_waiter("stack_update_complete").wait(StackName=stage.stack)
    client.update_termination_protection(StackName=stage.stack, EnableTerminationProtection=True)
    return not set_already


def main(arguments: list[str]) -> int:
    """Returns 0 if the stack is protected, 1 if that failed."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    try:
        changed = protect(stage)
    except (BotoCoreError, ClientError, WaiterError) as error:
        print(f"{stage.stack} is not protected: {error}", file=sys.stderr)
        return 1
    print(f"{stage.stack} is protected" + ("" if changed else ", no change"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
