import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "./site";

/** Where the tracer is told what to do, and tells what it did. A reboot leaves it. */
const CONTROL = "/var/crash-control";
/** What it and all that it traces have in their environment. */
const MARK = "HEYE_TRACED=1";

/**
 * Takes the place of `sh` for sessions: runs the conversation under ptrace, and counts its stops, at the entry and at the
 * exit of every system call of every process, in one count over the whole tree. strace cannot do this: its injection
 * counts each process, and each kind of call, for itself. The count begins when a change begins to take in its body (the
 * first `head`), if the mode says `count`, `kill N` or `hold N`. At the stop N the tracer ends, which kills all
 * that it traces at once (PTRACE_O_EXITKILL), or lets nobody go on. From then until `end` no other conversation begins:
 * what is found is what was left, not what the sender has made of it by sending once more. perl, because every Debian has it and it can ptrace.
 */
const TRACER = `#!/usr/bin/perl
use strict;
use Config;
exec "/bin/sh", @ARGV unless @ARGV > 2 && $ARGV[2] eq "heye";
exit 1 if -e "${CONTROL}/reached";
my ($any, $ptrace) = (0x40000000, $Config{archname} =~ /^aarch64/ ? 117 : 101);
sub ptrace { syscall $ptrace, $_[0] + 0, $_[1] + 0, 0, $_[2] + 0 }
sub note { open my $file, ">", "${CONTROL}/$_[0]" or die; print $file $_[1]; close $file }
$ENV{HEYE_TRACED} = 1;
mkdir "${CONTROL}";
note "pid.$$" => $$;
my $child = fork;
if (!$child) { ptrace 0, 0, 0; kill STOP => $$; exec "/bin/sh", @ARGV; }
waitpid $child, $any;
# EXITKILL, and stops told apart: SYSGOOD, FORK, VFORK, CLONE, EXEC.
ptrace(0x4200, $child, 0x10001f) == 0 or die "ptrace: $!";
ptrace 7, $child, 0;
my ($mode, $limit, $count, $counter) = ("", 0, 0);
while ((my $pid = waitpid -1, $any) > 0) {
  my $status = \${^CHILD_ERROR_NATIVE};
  next if ($status & 0x7f) != 0x7f;
  my ($signal, $event) = ($status >> 8 & 0xff, $status >> 16);
  if ($signal == 0x85) {
    $count++;
    if ($mode eq "count") { sysseek $counter, 0, 0; syswrite $counter, $count }
    if ($mode ne "count" && $count == $limit) {
      note reached => $count;
      kill KILL => $$ if $mode eq "kill";
      sleep;
    }
  }
  if ($event == 4 && !$mode && readlink("/proc/$pid/exe") =~ m{/head\\z} && open my $file, "<", "${CONTROL}/mode") {
    ($mode, $limit) = split " ", <$file>;
    open $counter, ">", "${CONTROL}/count" or die;
  }
  $signal = 0 if $signal == 0x85 || $signal == 5 || $signal == 19;
  ptrace $mode ? 24 : 7, $pid, $signal;
}
`;

/** Records what a conversation asks of the kernel that matters for the order in which things become durable. */
const RECORDER = `#!/bin/sh
[ "\${3:-}" = heye ] || exec /bin/sh "$@"
calls=fsync,fdatasync,syncfs,sync,rename,renameat,renameat2,unlink,unlinkat,sendmsg,sendto,setsockopt,execve
export HEYE_TRACED=1
mkdir -p ${CONTROL}
echo $$ >${CONTROL}/pid.$$
exec strace -f -y -s 256 -e signal=none -e trace=$calls -o ${CONTROL}/log /bin/sh "$@"
`;

/** Has a director's conversations run under a tracer from the next one on. */
export class Crasher {
  constructor(
    private readonly site: Site,
    private readonly director: string,
  ) {}

  /** Puts a program in the place of `sh` for sessions; /bin/sh stays what it is. */
  async install(what: "tracer" | "recorder"): Promise<void> {
    const place = `cat >/usr/local/sbin/sh.new && chmod 755 /usr/local/sbin/sh.new && mv /usr/local/sbin/sh.new /usr/local/sbin/sh && mkdir -p ${CONTROL}`;
    const stdin = what === "tracer" ? TRACER : RECORDER;
    const { code, stderr } = await this.site.lab.exec(this.director, ["/bin/sh", "-c", place], { stdin });
    assert.equal(code, 0, stderr);
  }

  /** Runs an operation whose changes are counted, killed or held at a stop; @returns how it ended. */
  async during(mode: string, operation: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
    await this.#sh(
      `mkdir -p ${CONTROL}; rm -f ${CONTROL}/count ${CONTROL}/reached ${CONTROL}/log; echo "${mode}" >${CONTROL}/mode`,
    );
    const [outcome] = await Promise.allSettled([operation()]);
    assert.ok(outcome);
    return outcome;
  }

  /** Waits until a held change stands still. */
  async reached(): Promise<void> {
    for (const until = Date.now() + 60_000; (await this.note("reached")) === ""; await delay(20))
      assert.ok(Date.now() < until, "the change never came to that stop");
  }

  /** What the tracer wrote; empty before it has. */
  note(name: string): Promise<string> {
    return this.#sh(`cat ${CONTROL}/${name} 2>/dev/null || :`);
  }

  /** Ends a tracer that is still there, with all that it traces; then nothing may be left of it, nor a lock held. */
  async end(): Promise<void> {
    // What was killed may still be dying.
    const wait = `
      cd ${CONTROL} || exit
      for pid in pid.*; do kill -9 "\${pid#pid.}" 2>/dev/null; done
      rm -f mode reached pid.*
      left() { grep -lszx "${MARK}" /proc/[0-9]*/environ; }
      tries=0
      while [ -n "$(left)" ] && [ $tries -lt 500 ]; do tries=$((tries + 1)); sleep 0.02; done
      for one in $(left); do tr "\\0\\n" "  " <"\${one%environ}cmdline" | cut -c 1-100; done
      [ ! -e /run/heye/lock ] || flock -n /run/heye/lock true || echo "the lock is held"`;
    assert.equal(await this.#sh(wait), "");
  }

  /** Says that the director has rebooted: who was there is gone, and their numbers are others'. */
  async rebooted(): Promise<void> {
    await this.#sh(`rm -f ${CONTROL}/mode ${CONTROL}/reached ${CONTROL}/pid.*`);
  }

  #sh(script: string): Promise<string> {
    return this.site.on(this.director, "/bin/sh", "-c", script);
  }
}
