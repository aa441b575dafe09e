/** A director's disk that has no room left, and room again. */
import type { Site } from "./site";

/** A small file system over our folder, with all that was there, and no room left. */
const FILL = `
set -e
cp -a /var/lib/heye /tmp/heye-copy
mount -t tmpfs -o size=16m,mode=700 tmpfs /var/lib/heye
cp -a /tmp/heye-copy/. /var/lib/heye/
rm -rf /tmp/heye-copy
dd if=/dev/zero of=/var/lib/heye/filler bs=1M 2>/dev/null || :`;

/** What is there by now lies on the director's own disk afterwards; an agent that holds some of it open goes on. */
const EMPTY = `
set -e
rm /var/lib/heye/filler
agents=$(pgrep -f '[h]eye-agent.js run' || :)
[ -z "$agents" ] || kill -STOP $agents
mkdir /tmp/heye-disk
mount --bind / /tmp/heye-disk
find /tmp/heye-disk/var/lib/heye -mindepth 1 -delete
cp -a /var/lib/heye/. /tmp/heye-disk/var/lib/heye/
umount /tmp/heye-disk
rmdir /tmp/heye-disk
umount -l /var/lib/heye
[ -z "$agents" ] || kill -CONT $agents`;

/** Takes all room from a director's /var/lib/heye. Not where it has been sent a Node: that is too large. */
export async function fillDisk(site: Site, director: string): Promise<void> {
  await site.on(director, "sh", "-c", FILL);
}

/** Gives a director the room that {@link fillDisk} has taken. */
export async function emptyDisk(site: Site, director: string): Promise<void> {
  await site.on(director, "sh", "-c", EMPTY);
}
