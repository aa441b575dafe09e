import type { Director } from "./director";
import { InstallError } from "./errors";

/** Package managers may wait for each other and for a slow mirror. */
const INSTALL_TIMEOUT_MS = 600_000;

/**
 * Installs what `ssh` mode needs and a director lacks, with the package manager that is there. Nothing is run where
 * nothing is missing. A fixed script without single quotes, as in script.ts.
 */
export const INSTALL = `
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
has() { command -v "$1" >/dev/null; }
manager= route=iproute2 control=iproute2 words=mawk
if has apt-get; then manager=apt-get
elif has dnf; then manager=dnf route=iproute control=iproute-tc words=gawk
elif has yum; then manager=yum route=iproute control=iproute words=gawk; fi
packages=
has ipvsadm || packages="$packages ipvsadm"
has flock || packages="$packages util-linux"
has modprobe || packages="$packages kmod"
has awk || packages="$packages $words"
has ip || packages="$packages $route"
# For the check by way of a virtual address (dr, tun).
if ! has tc; then case "$packages " in *" $control "*) ;; *) packages="$packages $control" ;; esac; fi
if [ -z "$packages" ]; then echo "heye 1 present"; exit 0; fi
if [ -z "$manager" ]; then echo "heye 1 without"; echo "$packages"; exit 0; fi
install() {
  case $manager in
    apt-get)
      apt-get -q -o DPkg::Lock::Timeout=120 update &&
        apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold install $packages ;;
    *) $manager -q -y install $packages ;;
  esac
}
status=0
said=$(install 2>&1 </dev/null) || status=$?
if [ "$status" -eq 0 ]; then echo "heye 1 installed"; echo "$packages"; exit 0; fi
echo "heye 1 failed"
echo "$manager ended with status $status while it installed$packages"
printf "%s\\n" "$said" | tail -n 10
`;

const MEND =
  "Mend what these words name and run the command again, or install them by hand and leave out install.";

/**
 * @returns the packages that were installed; none where everything was there
 * @throws InstallError with the package manager's last words
 */
export async function installMissing(director: Director): Promise<string[]> {
  const { stdout, stderr } = await director.execute(INSTALL, "", "installing packages", INSTALL_TIMEOUT_MS);
  const [outcome, ...words] = stdout.trim().split("\n");
  if (outcome === "heye 1 present") return [];
  if (outcome === "heye 1 installed") return (words[0] ?? "").trim().split(" ");
  if (outcome === "heye 1 without") {
    const missing = `there is none of apt-get, dnf and yum to install${words.join("")} with`;
    throw new InstallError(director.name, missing, "Install them by hand, and leave out install.");
  }
  const [what = "the installation failed", ...said] = outcome === "heye 1 failed" ? words : [];
  const last = said.join("\n") || stderr || stdout;
  throw new InstallError(director.name, what, `${last}\n${MEND}`);
}
