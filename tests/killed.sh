#!/bin/sh
# killed.sh MTLC FOLDER: a run that SIGKILL ends inside its epochs, again and again, is resumed to the same bytes; steps are logged once
# and nothing is left behind. SIGHUP saves, and leaves a run under nohup alone.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
fail() { echo "$1"; cat said; exit 1; }
awk 'BEGIN {
  for (i = 0; i < 100; ++i) {
    print "# intent = " i % 3
    for (t = 0; t <= i % 5; ++t) print "w" (i * 7 + t * 3) % 90 "\tt" (i + t) % 4
    print ""
  }
}' > train.conll
cat > m.mtl <<'END'
vocab en { }
data req {
  format = conll
  train  = "train.conll"
  dev    = "train.conll"
  words  : token(en)[T] = column(0)
  slots  : label[T]     = column(1)
  intent : label        = comment("intent")
}
model m {
  shared encoder = embed(16) >> dropout(0.2) >> linear(16) >> relu
  let h = encoder(req.words)
  task intent predicts req.intent { head = h |> mean(over = T) |> linear(|target|) }
  task slots predicts req.slots { head = h |> linear(|target|) }
  train { optimizer = adamw(lr = 1e-2), batch = 2, epochs = 2 }
}
END
options="m.mtl --threads 1 --no-cache --run-dir"
train() { "$mtlc" train $options "$@"; }
train whole > said 2>&1 || fail "the run failed"

resume=
for updates in 5 30 62 88; do
  "$mtlc" train $options run --checkpoint 0s $resume > said 2>&1 &  # no function: it would be a shell that is killed
  pid=$!
  until grep -q "\"event\":\"step\".*\"update\":$updates," run/metrics.jsonl 2> /dev/null; do
    kill -0 $pid 2> /dev/null || fail "it ended before update $updates"
    sleep 0.02
  done
  kill -KILL $pid
  wait $pid 2> /dev/null
  resume=--resume
  echo half > run/checkpoint.safetensors.mtlc-abcdef
done
train run --resume > said 2>&1 || fail "it does not go on"
cmp whole/model.safetensors run/model.safetensors || fail "another model"
grep '"event":"step"' run/metrics.jsonl > steps
grep '"event":"step"' whole/metrics.jsonl | cmp - steps || fail "steps are not logged once each"
ls -A run | grep mtlc- > said && fail "left behind"

# SIGHUP
rm -r run
"$mtlc" train $options run --json --checkpoint 0s > said 2>&1 &
pid=$!
until grep -q '"event":"step"' run/metrics.jsonl; do sleep 0.02; done
kill -HUP $pid
wait $pid
code=$?
[ $code = 129 ] || fail "SIGHUP ends it with $code"
grep -q '"interrupted":true.*"signal":"SIGHUP"' said || fail "does not say what ended it"
train run --resume > said 2>&1 || fail "it does not go on"
cmp whole/model.safetensors run/model.safetensors || fail "another model"
rm -r run
nohup "$mtlc" train $options run --checkpoint 0s > said 2>&1 &
pid=$!
until [ -s run/metrics.jsonl ]; do sleep 0.02; done
kill -HUP $pid
wait $pid || fail "SIGHUP ends it under nohup"

for duration in 10 5m -1s min; do
  train run --checkpoint=$duration > said 2>&1
  [ $? = 2 ] && grep -q 'expected a duration such as' said || fail "takes $duration"
done
exit 0
