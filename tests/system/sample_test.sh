#!/bin/bash
# sample_test.sh TRACE: a sample trace replays to the checks in it and to its golden set, the folder
# beside it.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

verify "$1" --golden "${1%.vgpu}"
