"""The step's side of a program that it starts and that reports back by `opweave_pipes`.

Imported only by code that uses it. Does not belong here: what the program itself imports.
"""
