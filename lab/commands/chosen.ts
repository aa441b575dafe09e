import { Lab } from "../lab";
import { DEFAULT_LAB } from "./command";

/** The lab that a command names; where it names none, the one that is running, if there is just one. */
export function chosenLab(name: string): Lab {
  const [only, ...others] = Lab.running();
  return Lab.attach(name === DEFAULT_LAB && only !== undefined && others.length === 0 ? only : name);
}
