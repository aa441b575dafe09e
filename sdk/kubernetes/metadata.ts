import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** An object's metadata, as @pulumi/kubernetes takes it. */
export type ObjectMeta = types.input.meta.v1.ObjectMeta;

/** What a component puts into an object's metadata beside what the user has written there. */
export interface OwnMetadata {
  readonly name?: pulumi.Input<string>;
  readonly namespace?: pulumi.Input<string>;
  readonly labels?: Readonly<Record<string, pulumi.Input<string>>>;
  readonly annotations?: Readonly<Record<string, pulumi.Input<string>>>;
}

/**
 * The user's metadata with ours. Labels and annotations of the user stand where both name one; a name or a namespace of ours
 * wins. What is a plain object stays one, so that previews show it property by property.
 */
export function withMetadata(
  metadata: pulumi.Input<ObjectMeta> | undefined,
  { labels, annotations, ...own }: OwnMetadata,
): pulumi.Input<ObjectMeta> {
  return late(metadata ?? {}, (one: ObjectMeta) => ({
    ...one,
    ...own,
    ...(labels && { labels: merged(labels, one.labels) }),
    ...(annotations && { annotations: merged(annotations, one.annotations) }),
  }));
}

type Texts = ObjectMeta["labels"];

function merged(ours: NonNullable<OwnMetadata["labels"]>, theirs: Texts): Texts {
  return late(theirs ?? {}, (one) => ({ ...ours, ...one }));
}

/** The part of metadata that says where an object is. */
export function namespaceOf(
  metadata: pulumi.Input<ObjectMeta> | undefined,
): pulumi.Input<string> | undefined {
  if (metadata === undefined) return undefined;
  if (pulumi.Output.isInstance(metadata) || metadata instanceof Promise)
    return pulumi.output(metadata).apply((one) => one.namespace as string);
  return metadata.namespace as pulumi.Input<string> | undefined;
}

/** Applies at once to what is plain, and later to what is not. */
function late<T extends object, U>(
  value: pulumi.Input<T>,
  change: (value: T) => U,
): U | pulumi.Output<pulumi.Unwrap<U>> {
  if (pulumi.Output.isInstance(value) || value instanceof Promise)
    return pulumi.output(value).apply((one) => pulumi.output(change(one as T)));
  return change(value as T);
}
