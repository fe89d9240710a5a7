import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, resolve } from 'node:path';

export interface FolderWatch {
  close(): void;
}

/** Milliseconds of quiet that a change must be followed by: editors and `kubectl cp` write in several steps. */
const QUIET = 50;
/** Milliseconds between looks whatever the system reports: network file systems and links into other folders report nothing. */
const LOOK = 2_000;

/**
 * Calls `look` now, 50 ms after the last of a run of changes in the folder, and every 2 s. `look` is never called while an
 * earlier call is still going on; a change meanwhile leads to another call after it. `reported`: the system said that
 * something changed, so that equal times and sizes prove nothing (two writes may fall into one tick of its clock).
 */
export function watchFolder(folder: string, look: (reported: boolean) => Promise<void>): FolderWatch {
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  let closed = false;
  const run = (reported: boolean): void => {
    if (closed) return;
    if (looking) {
      again ||= reported;
      return;
    }
    looking = true;
    void look(reported).finally(() => {
      looking = false;
      if (!again) return;
      again = false;
      run(true);
    });
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(run, QUIET, true);
  };
  const reports = new ReportedChanges(folder, soon);
  const poll = setInterval(() => {
    reports.open();
    run(false);
  }, LOOK);
  reports.open();
  run(true); // for what changed before anybody watched
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(poll);
      reports.close();
    },
  };
}

/** What the system reports of a folder; opened again after the folder itself went away and came back. */
class ReportedChanges {
  readonly #folder: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;

  constructor(folder: string, changed: () => void) {
    this.#folder = resolve(folder);
    this.#changed = changed;
  }

  open(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, (event, name) => {
        this.#changed();
        // The folder itself was moved or removed: what stands at its path now, if anything, needs a watch of its own.
        if (event === 'rename' && name === basename(this.#folder)) this.close();
      });
      this.#watcher.on('error', () => this.close());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      // No folder, or no watches left in the system: the regular look goes on, and tries again.
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
