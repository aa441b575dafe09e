const WHERE = `WHERE   --lab NAME           all directors of a lab, or those named by --director NAME
        --host [USER@]HOST   a director, by ssh; can be given several times
`;

const OF_KEYS = `KEY is a virtual server's, such as "tcp 192.0.2.1:80". Without it each virtual server that has the server is meant.`;

/** How each command is called, a line for each way, and what is to be known of it. */
const USAGES = {
  status: {
    ways: ["status WHERE [--each] [--json]"],
    notes:
      "Of several directors it tells once what they agree on, and where they differ; --each and --json tell each by itself.",
  },
  top: { ways: ["top WHERE [--once]"], notes: "Every 2 s, until it is ended; --once: one look." },
  explain: {
    ways: [
      "explain ADDRESS:PORT WHERE [--json]",
      "explain flow CLIENT:PORT ADDRESS:PORT WHERE [--send] [--json]",
    ],
    notes: `The first: why the real server ADDRESS:PORT has its weight. The second: which real server a connection of CLIENT:PORT to the
virtual server ADDRESS:PORT gets.

--send asks the kernel of each director too: by the first packet of that connection, in the client's name, which is sent on the
director and reaches no server. It counts as one connection of the server that is taken, whose entry is closed at once; the
client is told by ICMP that the packet went no further, and has no use for it. Exits with 1 where a kernel takes another server.`,
  },
  drain: {
    ways: ["drain ADDRESS:PORT WHERE [--service KEY]"],
    notes: `The real server takes no new connections until \`heye undrain\`, over restarts and reboots too.\n${OF_KEYS}`,
  },
  undrain: {
    ways: ["undrain ADDRESS:PORT WHERE [--service KEY]"],
    notes: `Ends what \`heye drain\` began, and says where the server still takes none.\n${OF_KEYS}`,
  },
  store: {
    ways: [
      "store check WHERE [--json]",
      "store backup FILE WHERE",
      "store restore FILE WHERE",
      "store accept WHERE",
    ],
    notes: `check: whether etcd's content agrees with itself, and who follows it. backup: writes what is shared to a file. restore: puts a
file in its place, as a new revision. accept: follows what etcd holds although it was emptied, put back or is another's.
FILE is one on the director, by its whole path. restore takes one director: several would each put their own file there.`,
  },
  maintenance: {
    ways: ["maintenance on|off WHERE [--reason TEXT]"],
    notes:
      "While it is on, /readyz answers 503: whoever announces routes sends no packets there. All directors of WHERE are meant.",
  },
} as const satisfies Readonly<Record<string, { readonly ways: readonly string[]; readonly notes: string }>>;

/** How a command is called. */
export function usageOf(command: keyof typeof USAGES): string {
  const { ways, notes } = USAGES[command];
  const lines = ways.map((way, index) => `${index === 0 ? "usage:" : "      "} heye ${way}\n`);
  return `${lines.join("")}\nIn a clone \`npm run heye -- ${command} ...\`.\n\n${WHERE}\n${notes}\n`;
}
