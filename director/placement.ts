/**
 * Virtual addresses on directors. Which are wanted follows from files on the director: the registry (whose virtual
 * servers there are) and the record of settings (whose addresses are put where), so they come and go with whatever
 * changes either, under the same lock, and with the restoring at boot.
 */

/** The device of our own that holds addresses placed on `dummy`. It goes with its last address. */
export const DUMMY_DEVICE = "heye0";

/**
 * Shell functions. `place` makes the addresses what they are wanted to be, and prints a line "address ADDRESS DEVICE
 * WORDS" for each that could not be; `unplaced` prints a line "unplaced ADDRESS DEVICE" for each that is not there.
 *
 * Ours is what we added: recorded in a file before it is added and until it has gone. An address that stands on any
 * device already is somebody's: it serves as well, and is never removed. Needs `state`, `settings` and `registry`. No
 * single quotes.
 */
export const PLACE = `
placed=$state/addresses
nl="
"
tab="\t"
wanted_addresses() {
  owners=$(sed -n "s/^place //p" "$settings" 2>/dev/null) || :
  if [ -z "$owners" ] || [ ! -s "$registry" ]; then return 0; fi
  sed -n "s/^service \\([^ ]*\\) [a-z]* \\[\\{0,1\\}\\([0-9a-f.:]*\\)\\]\\{0,1\\}:[0-9]*$tab.*/\\2 \\1/p" "$registry" | sort -u |
    while IFS=" " read -r address id; do
      printf "%s\\n" "$owners" | while IFS=" " read -r device owner; do
        if [ "$owner" = "$id" ]; then echo "$address $device"; fi
      done
    done | sort -u
}
present_addresses() {
  ip -o addr show | sed -n "s/^.* inet6\\{0,1\\} \\([^ /]*\\).*/\\1/p"
}
unplaced() {
  wanted=$(wanted_addresses)
  if [ -z "$wanted" ]; then return 0; fi
  present=$nl$(present_addresses)$nl
  printf "%s\\n" "$wanted" | sort -u -k 1,1 | while IFS=" " read -r address device; do
    case "$present" in *"$nl$address$nl"*) ;; *) echo "unplaced $address $device" ;; esac
  done
}
record_addresses() {
  if [ -n "$1" ]; then
    printf "%s" "$1" >"$placed.new" && sync "$placed.new" && mv "$placed.new" "$placed"
  else rm -f "$placed" "$placed.new"; fi && sync "$state"
}
address() {
  length=32 extra=
  case "$2" in *:*) length=128 extra=nodad ;; esac
  if [ "$1" = del ]; then extra=; fi
  said=$(ip addr "$1" "$2/$length" dev "$3" $extra 2>&1) || echo "address $2 $3 $said"
}
place() {
  wanted=$nl$(wanted_addresses)$nl old=$nl$(cat "$placed" 2>/dev/null || :)$nl
  if [ "$wanted$old" = "$nl$nl$nl$nl" ]; then return 0; fi
  present=$nl$(present_addresses)$nl
  kept= gone= new=
  # Of two owners that want it on different devices, the one that had it placed first.
  while IFS=" " read -r address device; do
    if [ -z "$address" ]; then continue; fi
    case "$old" in *"$nl$address $device$nl"*) kept="$kept$address $device$nl" ;; esac
  done <<END
$wanted
END
  while IFS=" " read -r address device; do
    if [ -z "$address" ]; then continue; fi
    case "$nl$kept" in *"$nl$address "*) continue ;; esac
    case "$old" in
      *"$nl$address "*) kept="$kept$address $device$nl" ;;
      *) case "$present" in *"$nl$address$nl"*) ;; *) kept="$kept$address $device$nl" ;; esac ;;
    esac
  done <<END
$wanted
END
  while IFS=" " read -r address device; do
    if [ -z "$address" ]; then continue; fi
    case "$nl$kept" in *"$nl$address $device$nl"*) ;; *) gone="$gone$address $device$nl" ;; esac
  done <<END
$old
END
  said=$(record_addresses "$kept$gone" 2>&1) || { echo "address - - $said"; return 0; }
  while IFS=" " read -r address device; do
    if [ -z "$address" ]; then continue; fi
    # What a reboot has taken needs no taking.
    case "$present" in *"$nl$address$nl"*) address del "$address" "$device" ;; esac
  done <<END
$gone
END
  present=$nl$(present_addresses)$nl
  while IFS=" " read -r address device; do
    case "$present" in *"$nl$address$nl"*) continue ;; esac
    if [ -z "$address" ]; then continue; fi
    if [ "$device" = ${DUMMY_DEVICE} ]; then
      ip link show ${DUMMY_DEVICE} >/dev/null 2>&1 || ip link add ${DUMMY_DEVICE} type dummy 2>/dev/null || :
      ip link set ${DUMMY_DEVICE} up 2>/dev/null || :
    fi
    address add "$address" "$device"
  done <<END
$kept
END
  case "$nl$kept" in *" ${DUMMY_DEVICE}$nl"*) ;; *) ip link del ${DUMMY_DEVICE} 2>/dev/null || : ;; esac
  if [ -n "$gone" ]; then said=$(record_addresses "$kept" 2>&1) || echo "address - - $said"; fi
}
`;

/** What the words of `place` say about the address of a virtual server, one line each. */
export function placementFaults(messages: string, address: string | undefined): string[] {
  if (address === undefined) return [];
  return messages.split("\n").flatMap((line) => {
    const [, where, device, said] = /^address (\S+) (\S+) (.*)$/.exec(line) ?? [];
    if (where !== address && where !== "-") return [];
    return [`address ${address} could not be put on ${device} (${said})`];
  });
}
