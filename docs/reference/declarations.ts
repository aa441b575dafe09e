import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** A property of a declared type, with what its comment says. */
export interface Member {
  readonly name: string;
  /** Its type as written, without Pulumi's `Input` and `Output`. */
  readonly type: string;
  /** Of its comment: one paragraph; empty where there is none. */
  readonly text: string;
  /** A program may leave it out, in one variant of the type at least. */
  readonly isOptional: boolean;
}

/** A declared type or class. */
export interface Declaration {
  readonly name: string;
  /** Of its comment; paragraphs are kept. */
  readonly text: string;
  /** Those of its comment. */
  readonly examples: readonly string[];
  /** The types it is one of; empty unless it is a choice among named types and nothing else. */
  readonly variants: readonly string[];
}

type Node = ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.ClassDeclaration;

/** The types that a folder of sources declares, read by syntax alone: names are looked up among the same sources. */
export class Declarations {
  readonly #nodes = new Map<string, Node>();

  /** @param folder with TypeScript sources; folders in it are not looked at */
  constructor(folder: string) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts"))) {
      const text = readFileSync(join(folder, file), "utf8");
      ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).forEachChild((node) => {
        const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
        if ((isType || ts.isClassDeclaration(node)) && node.name) this.#nodes.set(node.name.text, node);
      });
    }
  }

  /** A declaration by its name. Throws when there is none. */
  get(name: string): Declaration {
    const node = this.#find(name);
    const examples = ts
      .getJSDocTags(node)
      .filter((tag) => tag.tagName.text === "example")
      .map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? "");
    return { name, text: commentOf(node), examples, variants: variantsOf(node) };
  }

  /**
   * The properties of a type, those it has from others included, each once: what the comments of several say is joined.
   *
   * @param without names of types whose properties are left out
   */
  members(name: string, without: readonly string[] = []): Member[] {
    const found = new Map<string, Member>();
    for (const member of this.#membersOf(this.#find(name), new Set(without))) {
      const before = found.get(member.name);
      const isOptional = member.isOptional || before?.isOptional === true;
      const better = before === undefined || before.text === "" ? member : before;
      const text = [...new Set([before?.text ?? "", member.text])].join(" ").trim();
      found.set(member.name, { ...better, text, isOptional });
    }
    // Some variants name a property only to forbid it.
    return [...found.values()].filter(({ type }) => type !== "undefined");
  }

  #find(name: string): Node {
    const node = this.#nodes.get(name);
    if (!node) throw new Error(`expected a type called ${name} in the sources, found none`);
    return node;
  }

  #membersOf(node: Node, without: ReadonlySet<string>): Member[] {
    if (ts.isTypeAliasDeclaration(node)) return this.#membersOfType(node.type, without);
    const own = (node.members as ts.NodeArray<ts.Node>).flatMap((member) =>
      ts.isPropertySignature(member) || ts.isPropertyDeclaration(member) ? [memberOf(member)] : [],
    );
    const bases = ts.isClassDeclaration(node) ? [] : (node.heritageClauses ?? []);
    const inherited = bases.flatMap(({ types }) => types.flatMap((one) => this.#membersOfType(one, without)));
    const names = new Set(own.map(({ name }) => name));
    return [...own, ...inherited.filter(({ name }) => !names.has(name))];
  }

  #membersOfType(type: ts.TypeNode, without: ReadonlySet<string>): Member[] {
    if (ts.isIntersectionTypeNode(type) || ts.isUnionTypeNode(type))
      return type.types.flatMap((one) => this.#membersOfType(one, without));
    if (ts.isParenthesizedTypeNode(type)) return this.#membersOfType(type.type, without);
    if (ts.isTypeLiteralNode(type))
      return type.members.flatMap((one) => (ts.isPropertySignature(one) ? [memberOf(one)] : []));
    const name = nameOf(type);
    // What is omitted is declared anew beside it, and found first.
    const of = name === "Omit" ? (type as ts.NodeWithTypeArguments).typeArguments?.[0] : undefined;
    if (of) return this.#membersOfType(of, without);
    const node = name === undefined || without.has(name) ? undefined : this.#nodes.get(name);
    return node ? this.#membersOf(node, without) : [];
  }
}

function variantsOf(node: Node): string[] {
  if (!ts.isTypeAliasDeclaration(node) || !ts.isUnionTypeNode(node.type)) return [];
  const names = node.type.types.map(nameOf);
  return names.every((name) => name !== undefined) ? names : [];
}

function nameOf(type: ts.TypeNode): string | undefined {
  if (ts.isTypeReferenceNode(type)) return type.typeName.getText();
  if (ts.isExpressionWithTypeArguments(type)) return type.expression.getText();
  return undefined;
}

function memberOf(node: ts.PropertySignature | ts.PropertyDeclaration): Member {
  return {
    name: node.name.getText(),
    type: withoutPulumi(node.type?.getText() ?? ""),
    text: commentOf(node),
    isOptional: node.questionToken !== undefined,
  };
}

/** `pulumi.Input<pulumi.Input<string>[]>` is `string[]` to a reader. */
function withoutPulumi(type: string): string {
  const inner = type
    .replace(/\s+/g, " ")
    .replace(/pulumi\.(?:Input|Output)<([^<>]*)>/g, (_, one: string) => one);
  if (inner !== type && /pulumi\.(?:Input|Output)</.test(inner)) return withoutPulumi(inner);
  // What is left has type arguments of its own inside: `pulumi.Output<Record<string, X>>`.
  return inner.replace(/^pulumi\.(?:Input|Output)<(.*)>$/, "$1");
}

function commentOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? "").join(" ");
  const paragraphs = text.replace(/\{@link (\w+)\}/g, "`$1`").split(/\n\s*\n/);
  return paragraphs.map((one) => one.replace(/\s+/g, " ").trim()).join("\n\n");
}
