# Reads a PowerShell script from standard input by tree-sitter's grammar, and prints as JSON what is wrong with its
# syntax, which commands it calls, which functions it has, and which variables it sets and uses.

import json
import sys

import tree_sitter
import tree_sitter_powershell

source = sys.stdin.buffer.read()
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
found = {"errors": [], "commands": set(), "functions": set(), "sets": set(), "uses": set()}


def text(node):
    return source[node.start_byte : node.end_byte].decode()


def variables(node):
    if node.type == "variable":
        return [text(node)]
    return [name for child in node.children for name in variables(child)]


def look(node):
    if node.type == "ERROR" or node.is_missing:
        found["errors"].append(f"line {node.start_point[0] + 1}: {node.type} {text(node)[:80]!r}")
    if node.type == "command_name":
        found["commands"].add(text(node))
    if node.type == "function_name":
        found["functions"].add(text(node))
    if node.type in ("left_assignment_expression", "script_parameter", "foreach_statement"):
        found["sets"].update(variables(node)[:1])
    if node.type == "variable":
        found["uses"].add(text(node))
    for child in node.children:
        look(child)


look(parser.parse(source).root_node)
json.dump({name: sorted(values) for name, values in found.items()}, sys.stdout)
