#!/bin/sh
# batches.sh MTLC MODEL FOLDER: what `predict` says of a line does not depend on what else is in the batch: labels are
# the same, scores to rounding.
mtlc="$1" model="$2" work="$3"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
i=0
while [ $i -lt 37 ]; do
  for line in "play some jazz" "wake me up at seven" "what is the weather like in berlin tomorrow morning" "stop" "add milk to my list and call mum"; do
    [ $i -lt 37 ] && echo "$line"
    i=$((i + 1))
  done
done > lines.txt
answer() { "$mtlc" predict "$model" --scores --format lines --threads 1; }
answer < lines.txt > together || exit 1
# The same lines in batches of one, two, three, seven and seventeen.
for size in 1 2 3 7 17; do
  at=1
  while [ $at -le 37 ]; do
    sed -n "$at,$((at + size - 1))p" lines.txt | answer || exit 1
    at=$((at + size))
    [ $size = 1 ] && [ $at -gt 6 ] && break
  done > apart
  head -n "$(wc -l < apart)" together > expected
  for file in expected apart; do tr '{}[],:' '\n' < $file > $file.words; done
  paste -d '\t' expected.words apart.words | awk -F '\t' -v size=$size '
    $1 == $2 { next }
    $1 + 0 == 0 || $2 + 0 == 0 { print "in batches of " size ": `" $1 "` is `" $2 "`"; bad = 1; next }
    { gap = $1 - $2; if (gap < 0) gap = -gap; if (gap > 1e-5) { print "in batches of " size ": " $1 " is " $2; bad = 1 } }
    END { exit bad }' || exit 1
done
