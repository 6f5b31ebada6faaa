#!/bin/sh
# faults.sh MTLC SHIM FOLDER [all]: one call of each kind fails (faults.cpp), in one short run of each command: the first calls, the last, and
# some between (`all`: every one). No run crashes; one that fails says why, in a sentence; and no file is torn.
mtlc="$1" shim="$2" work="$3" each="${4:-some}"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
{ echo "a,b,y"; for i in 1 2 3 4 5 6 7 8; do echo "$i,$((9 - i)),$((i % 2))"; done; } > rows.csv
cat > m.mtl <<'END'
data rows {
  format = csv
  train  = "rows.csv"
  dev    = "rows.csv"
  test   = "rows.csv"
  x : f32[2] = columns("a", "b")
  y : bool   = column("y") |> is("1")
}
model m {
  task y predicts rows.y { head = rows.x |> linear(1) }
  train { epochs = 2 }
}
END
common="--threads 1 --no-cache"
"$mtlc" train m.mtl --run-dir good $common > said 2>&1 || { cat said; exit 1; }
model=good/model.safetensors

# name of a command: what of it is run
command_of() {
  case $1 in
    check) echo check m.mtl --threads 1 ;;
    train) echo train m.mtl --run-dir run $common ;;
    eval) echo eval $model --data . $common ;;
    predict) echo predict $model rows.csv --format source --out answers $common ;;
    emit) echo emit cpp $model --out package --threads 1 ;;
  esac
}

failed=0 runs=0
bad() { echo "$1, call $3 of $2: $4"; head -5 said; failed=1; }

# What a run with a fault may leave: nothing, or what a good run does.
whole() { # file, what it has to be
  [ ! -e "$1" ] || cmp -s "$1" "$2"
}
try() { # command, kind, call
  rm -rf run answers package
  MTL_FAULT=$2:$3 LD_PRELOAD="$shim" timeout 60 "$mtlc" $(command_of $1) > said 2>&1 < /dev/null
  code=$?
  runs=$((runs + 1))
  case $code in
    0) ;;
    1) grep -q 'error' said || [ "$2" = write ] || bad $1 $2 $3 "ends with 1 and does not say why" ;;
    *) bad $1 $2 $3 "ends with $code" ;;
  esac
  whole run/model.safetensors $model ||
    "$mtlc" eval run/model.safetensors --data . $common > torn 2>&1 || bad $1 $2 $3 "the model is torn: $(cat torn)"
  whole answers good.answers || bad $1 $2 $3 "the answers are torn"
}

for command in check train eval predict emit; do
  for kind in malloc open read write fsync rename; do
    rm -rf run answers package count
    MTL_FAULT=$kind MTL_FAULT_COUNT=count LD_PRELOAD="$shim" "$mtlc" $(command_of $command) > said 2>&1 < /dev/null || bad $command $kind no "fails without a fault"
    [ "$command" != predict ] || [ -e good.answers ] || cp answers good.answers
    count=$(cat count)
    if [ "$each" = all ] || [ "$count" -le 3 ]; then
      calls=$(seq 1 "$count")
    else
      calls="1 $((count / 3)) $((count / 7 * 5)) $count"
    fi
    for call in $calls; do try $command $kind $call; done
  done
done
echo "$runs runs"
exit $failed
