import { CALLED_SOURCE, HEALTH_CHECK, HEALTH_CHECK_SECRET, HEALTH_CHECK_TYPE } from "../spec/kubernetes";

/** Who has written a field, in `metadata.managedFields`. */
export const FIELD_MANAGER = "heye";

/** Annotations of Endpoints and EndpointSlices; all but the last are the user's. */
export const ANNOTATION = {
  /** A health check as JSON, with the properties of `spec/`. */
  check: HEALTH_CHECK,
  /** One property of the check: `heye.io/health-check.type`, `heye.io/health-check.tls.serverName`. */
  property: `${HEALTH_CHECK}.`,
  /** The Secret, in the same namespace, that holds what an annotation must not. */
  secret: HEALTH_CHECK_SECRET,
  /** HeYe v1: that an object is to be looked after at all; any value. */
  v1Source: CALLED_SOURCE,
  /** HeYe v1: `http`, `tcp` or `mysql`. */
  v1Type: HEALTH_CHECK_TYPE,
  /** Written by the controller: which addresses are out, and why. */
  status: "heye.io/status",
} as const;
