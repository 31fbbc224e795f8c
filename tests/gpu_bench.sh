#!/bin/sh
# What measures a GPU works, on the CPU with small networks: its line is JSON, every figure that needs
# no GPU is there, and one training that fails costs its own figure alone, and says why.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME="$folder/cache"
mkdir "$folder/bench" "$folder/bin"
cp "$1"/bench/gpu* "$folder/bench/"
cat >"$folder/kindred" <<END
#!/bin/sh
case " \$* " in
*" name=vit_s8_bf16 "*) echo 'error: a "fault" of the test' >&2 && exit 1 ;;
esac
exec "$(realpath "$2")" "\$@"
END
# No PyTorch, which would take minutes; and a tool that says what a GPU holds and how busy it is.
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/python3"
printf '#!/bin/sh\nwhile echo 1234, 98; do sleep 0.05; done\n' >"$folder/bin/nvidia-smi"
chmod +x "$folder/kindred" "$folder/bin"/*

status=0
cd "$folder/bin" # FILE is from here, not from where the script is
PATH="$folder/bin:$PATH" ../bench/gpu.sh --tiny --out ../line >"$folder/log" 2>&1 || status=$?
cat "$folder/line"
test $status = 1
number() { # NAME...: is one
    for name in "$@"; do
        grep -q "\"$name\":[0-9][-+.0-9e]*[,}]" "$folder/line" || { echo "no $name"; cat "$folder/log"; exit 1; }
    done
}
number resnet50_bf16_ms resnet50_f32_ms resnet50_plain_ms resnet50_bf16_data_wait resnet50_bf16_host_us \
    curve_f32_off curve_bf16_off curve_bf16_to_f32_off memory_planned memory_used resnet50_bf16_busy_percent
grep -q '"resnet50_bf16_busy_percent":98,.*"memory_used":0,"vit_s8_bf16_ms":null,' "$folder/line"
grep -q '"peer_resnet50":null,"peer_vit_s8":null,"paper_seconds":null' "$folder/line"
grep -qF '"errors":{"vit_s8_bf16":"error: a \"fault\" of the test"}}' "$folder/line"
grep -q '"device":"cpu: ' "$folder/line"
! command -v jq >/dev/null || jq -e . "$folder/line" >/dev/null
"$(command -v python3)" -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/line"
