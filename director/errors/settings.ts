import { DirectorError } from "./director-error";

const NAMESAKE =
  "The owner has this cluster's own name: an `up` that was killed while it made the cluster has left it, and no state knows it " +
  "(docs/errors.md: settings of an owner who is gone), or it is a second cluster of that name. ";

/** Two clusters want different values of one setting of a kernel that they share. */
export class SettingConflictError extends DirectorError {
  readonly code = "HEYE_SETTING_CONFLICT";

  /** @param isNamesake the owner has the very name of the cluster that wants the setting, and is another one */
  constructor(
    director: string,
    setting: string,
    wanted: string,
    theirs: string,
    owner: string,
    isNamesake = false,
  ) {
    super(
      director,
      `${setting} is wanted as ${wanted}, but ${owner} has set it to ${theirs}. It was left as it is. ` +
        (isNamesake ? NAMESAKE : "") +
        "A director has one kernel: agree on a value in both programs, or take the setting out of one of them.",
    );
  }
}

/** The director's kernel does not know a setting. */
export class SettingMissingError extends DirectorError {
  readonly code = "HEYE_SETTING_MISSING";

  constructor(director: string, settings: readonly string[]) {
    super(
      director,
      `its kernel has no ${settings.join(", ")}. Nothing was changed. ` +
        "Is the module loaded that brings it (settings.modules), is the kernel new enough, or is the name misspelt?",
    );
  }
}

/** The kernel does not hold a setting that was written to it, or a file that belongs to the settings is not there. */
export class SettingNotAppliedError extends DirectorError {
  readonly code = "HEYE_SETTING_NOT_APPLIED";

  constructor(director: string, differences: readonly string[], messages: string) {
    const said = messages.trim() === "" ? "" : `\n  it said: ${messages.trim().replaceAll("\n", "\n  ")}`;
    super(
      director,
      `the settings were not taken:\n  ${differences.join("\n  ")}${said}\n  ` +
        "Declare values that this kernel takes, or leave these settings out, and run the command again.",
    );
  }
}

/** A kernel module that is wanted cannot be loaded. */
export class ModuleMissingError extends DirectorError {
  readonly code = "HEYE_MODULE_MISSING";

  constructor(director: string, messages: readonly string[]) {
    super(
      director,
      `a kernel module cannot be loaded:\n  ${messages.join("\n  ")}\n  ` +
        "Install the kernel package that has it (linux-modules-extra, kernel-modules-extra), or leave it out of settings.modules.",
    );
  }
}
