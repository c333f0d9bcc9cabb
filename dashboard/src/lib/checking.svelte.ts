// Has the server check a source while it is written, a moment after the last key.
import { api, asFailure, ok, type Schemas } from './api/client';

const PAUSE_MS = 350;

export interface Checked {
	readonly problems: readonly Schemas['Diagnostic'][];
	/** Whether what is shown is about the source as it is now. */
	readonly current: boolean;
}

/** For components' scripts. `source` is undefined where there is nothing to check. */
export function checking(app: () => string, script: () => string, source: () => string | undefined): Checked {
	let problems = $state.raw<readonly Schemas['Diagnostic'][]>([]);
	let current = $state(false);
	$effect(() => {
		const [slug, name, text] = [app(), script(), source()];
		current = false;
		if (text === undefined) {
			problems = [];
			return;
		}
		const aborting = new AbortController();
		const waiting = setTimeout(async () => {
			try {
				const checked = await ok(
					api.POST('/api/v1/apps/{app}/scripts/{name}/check', {
						params: { path: { app: slug, name } },
						body: { source: text },
						signal: aborting.signal
					})
				);
				// Where it is in another script that this one imports, that is said, and no line of this one marked.
				problems = checked.diagnostics.map((one) =>
					one.script && one.script !== name ? { message: `${one.script}: ${one.message}` } : one
				);
				current = true;
			} catch (error) {
				if (aborting.signal.aborted) return;
				const told = asFailure(error);
				problems = told.status === 413 || told.status === 422 ? [{ message: told.message }] : [];
			}
		}, PAUSE_MS);
		return () => {
			clearTimeout(waiting);
			aborting.abort();
		};
	});
	return {
		get problems() {
			return problems;
		},
		get current() {
			return current;
		}
	};
}
