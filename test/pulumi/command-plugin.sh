#!/bin/sh
# Installed as pulumi-resource-command in the folder `bin` of an ExampleStack: the engine starts it.
exec node "$(dirname "$0")/../../../dist/test/pulumi/command-plugin.js" "$@"
