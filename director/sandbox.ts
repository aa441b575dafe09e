/**
 * What the units that we write on directors may do, as systemd has it: edit IPVS, addresses and our own folders, and nothing
 * else. See systemd.exec(5).
 *
 * /run is named because systemd 252 leaves it out of ProtectSystem=strict where ProtectControlGroups is on too, and units that
 * systemd would run are read from there.
 */
export const SANDBOX = `UMask=0077
RuntimeDirectory=heye
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE
NoNewPrivileges=yes
ProtectSystem=strict
ReadOnlyPaths=/run
ReadWritePaths=/var/lib/heye
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes`;
