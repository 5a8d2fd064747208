"""What goes wrong in a program that reports to a step."""


class OpweavePipesError(Exception):
    """A call of the pipes is wrong, or what the step handed over is."""


class OpweavePipesWarning(Warning):
    """The program was not started by a step: nothing is reported."""
