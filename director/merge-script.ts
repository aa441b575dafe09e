/**
 * The awk program of script.ts: what a change is made of, and the table at a glance. Everything it works on is named by
 * variables; nothing of a request is taken for program text. No single quotes, because it travels inside a pair.
 *
 * With the mode `merge` it reads a request's body and the registry's lines, both in the order of identities, and writes
 * rules for ipvsadm, the registry during the change and after it, and the digests that prove all that, for `sha256sum -c`.
 * A line of the body begins with a letter: `k` the digests (registry and table that the sender knows, registry during and
 * after, rules, table in the end; `-` for none), `r` a rule, `d` and `a` a line of the registry's deltas, `g` and `n` what
 * goes and comes at a glance; the last is `complete`.
 *
 * At a glance the table is as /proc/net/ip_vs tells it, in lines whose order means nothing (see `glanceDelta` in ipvs/).
 * What was seen is kept in the file `glance`; what is to be seen after the change, in `foreseen`. With the mode `look` the
 * first is compared, with `verify` the second; where it is not what is seen, the first is written.
 *
 * Exit status 3: a part of the body is missing. 4: the table has to be read whole, because it is another one at a glance,
 * or nothing is known to compare it with. 5, of a look alone: nor can a later one be compared, as procfs does not tell it.
 */
export const MERGE = `
function identity(line, tab) { tab = index(line, "\\t"); return tab ? substr(line, 1, tab - 1) : line }
function add(which, edit, put) {
  put = substr(edit, 1, 1) == "+"
  edit = substr(edit, 2)
  count[which]++
  key[which, count[which]] = identity(edit)
  text[which, count[which]] = put ? edit : ""
}
function emit(which, line) { if (line != "") print line >(out[which]) }
function pass(which, name, last) {
  while (at[which] < count[which] && (last || key[which, at[which] + 1] < name)) emit(which, text[which, ++at[which]])
}
function step(which, line, name) {
  pass(which, name, 0)
  if (at[which] < count[which] && key[which, at[which] + 1] == name) emit(which, text[which, ++at[which]])
  else emit(which, line)
}
function prove(digest, file, list) { if (digest != "-" && digest != "none") print digest "  " file >list }
function glimpse(line, words, word, place, i) {
  while ((getline line <procfs) > 0) {
    words = split(line, word, " ")
    if (word[1] == "IP") { readable = 1; continue }
    if (word[1] == "->") {
      if (place == "") continue
      line = place " -> " word[2] " " word[3] " " word[4]
    } else if (word[1] ~ /^(TCP|UDP|SCTP|FWM)$/) {
      place = line = word[1] " " word[2]
      for (i = 3; i <= words; i++) line = line " " word[i]
    } else continue
    tell(line, 1)
  }
}
function tell(line, by) { now[line] += by; total += by }
function same(file, line, known, lines) {
  while ((getline line <file) > 0) { known[line]++; lines++ }
  close(file)
  if (!readable || lines + 0 != total) return 0
  for (line in known) if (!(line in now) || known[line] != now[line]) return 0
  return 1
}
function store(file, line, i) {
  printf "" >file
  for (line in now) for (i = 0; i < now[line]; i++) print line >file
  close(file)
}
BEGIN {
  readable = total = 0
  glimpse()
  if (mode == "look") {
    if (before != "-" && same(glance)) exit 0
    store(glance)
    exit readable ? 4 : 5
  }
  if (mode == "verify") {
    if (same(foreseen)) exit 0
    store(glance)
    exit 4
  }
  out["d"] = during; out["a"] = after
  at["d"] = at["a"] = count["d"] = count["a"] = changes = 0
  printf "" >rules; printf "" >during; printf "" >after
  while ((getline line <request) > 0) {
    kind = substr(line, 1, 1)
    if (kind == "k") split(line, digest, " ")
    else if (kind == "r") print substr(line, 2) >rules
    else if (kind == "d" || kind == "a") add(kind, substr(line, 2))
    else if (kind == "g" || kind == "n") { change[++changes] = substr(line, 2); more[changes] = kind == "n" ? 1 : -1 }
    last = line
  }
  if (last != "complete") exit 3
  while ((getline line <base) > 0) { name = identity(line); step("d", line, name); step("a", line, name) }
  pass("d", "", 1); pass("a", "", 1)
  trusted = before != "-" && same(glance)
  if (!trusted) store(glance)
  for (i = 1; i <= changes; i++) tell(change[i], more[i])
  store(foreseen)
  prove(digest[2], current, sums)
  if (!trusted) prove(digest[3], table, sums)
  prove(digest[4], during, sums)
  prove(digest[5], after, sums)
  prove(digest[6], rules, sums)
  prove(digest[7], table, later_sums)
  exit trusted ? 0 : 4
}
`;
