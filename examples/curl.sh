#!/bin/sh
# Creates a thread on the demo agent and prints its events, one JSON document per line, until the turn has ended.
#   MILLRACE_TOKEN=$(millrace token create me) sh examples/curl.sh '[[say hello]]'
# After a disconnect it resumes after the last event that it printed. The prompt is one line. Needs curl 7.76 or newer. Exit 0: the turn completed.
set -eu
url=${MILLRACE_URL:-http://127.0.0.1:7717}
authorization="authorization: Bearer ${MILLRACE_TOKEN:?Create one with: millrace token create me}"

case ${1-} in *[[:cntrl:]]*) echo 'The prompt must be one line, without control characters.' >&2; exit 2 ;; esac
quoted() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }
body='{"provider":"demo","cwd":"'$(quoted "$PWD")'","turn":{"text":"'$(quoted "${1:-[[say hello]]}")'"}}'
# With the same Idempotency-Key a repeated request creates no second thread.
key=curl-$$-$(date +%s)
while :; do
  status=0
  created=$(curl -sS --fail-with-body --retry 100 --retry-max-time 60 -H "$authorization" -H "idempotency-key: $key" \
    -H 'content-type: application/json' -d "$body" "$url/api/threads") || status=$?
  [ "$status" -ne 0 ] || break
  # 22: the server refused the request, or has been busy, starting or draining for 60 seconds.
  [ "$status" -ne 22 ] || { echo "$created" >&2; exit 1; }
  sleep 1
done
thread=$(printf %s "$created" | sed -n 's/.*"threadId":"\([^"]*\)".*/\1/p')

follower='' last='' outcome=''
pipe=$(mktemp -u)
mkfifo -m 600 "$pipe"
trap 'rm -f "$pipe"; kill "$follower" 2>/dev/null || true' EXIT
# dash runs the EXIT trap after a signal only if the trap of the signal exits.
trap 'exit 130' INT
trap 'exit 143' TERM

while :; do
  # The server sends a heartbeat every 15 seconds. A connection that is silent for longer than 45 is lost.
  curl -sSN --fail --speed-limit 1 --speed-time 45 -H "$authorization" -H 'accept: text/event-stream' ${last:+-H "last-event-id: $last"} \
    "$url/api/events?stream=thread/$thread" >"$pipe" &
  follower=$! id='' data='' event=''
  while [ -z "$outcome" ] && IFS= read -r line; do
    case $line in
      'data: '*) data=${line#data: } ;;
      'id: '*) id=${line#id: } ;;
      'event: '*) event=${line#event: } ;;
      '')
        # Only a complete frame counts, and only events have an id.
        if [ -n "$id" ]; then
          printf '%s\n' "$data"
          last=$id
          type=${data#*\"type\":\"}
          case ${type%%\"*} in turn.completed) outcome=0 ;; turn.failed | turn.interrupted) outcome=1 ;; esac
        fi
        # The stream can have no more events: the thread was deleted.
        [ "$event" != end ] || outcome=1
        id='' data='' event=''
        ;;
    esac
  done <"$pipe"
  [ -z "$outcome" ] || exit "$outcome"
  status=0
  wait "$follower" || status=$?
  [ "$status" -ne 22 ] || exit 1
  sleep 1
done
