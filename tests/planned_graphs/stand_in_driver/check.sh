#!/bin/sh
# check.sh KELVIN FOLDER_OF_THE_STAND_IN: a driver without a GPU gives exit code 2, one line that says so, nothing on standard output.
said=$(LD_LIBRARY_PATH=$2 "$1" bench --device cuda 2>&1 >/dev/null)
code=$?
printed=$(LD_LIBRARY_PATH=$2 "$1" bench --device cuda 2>/dev/null)
echo "exit code $code: $said"
[ $code -eq 2 ] && [ "$(echo "$said" | wc -l)" -eq 1 ] && [ -z "$printed" ] && echo "$said" | grep -q "no NVIDIA GPU"
