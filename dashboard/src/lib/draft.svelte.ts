// A script as it is being written: what the server has, what stands in the editor and in the fields, and what to do when somebody else was first.
import { api, asFailure, withResponse, type Failure, type Schemas } from './api/client';
import { toasts } from './toasts.svelte';
import { lines, type TriggerTexts } from './Triggers.svelte';

/** A script as the server has it. */
export interface Saved {
	script: Schemas['Script'];
	source: string;
	tag: string | null;
}

const textsOf = ({ routes, topics, schedules }: Schemas['Script']): TriggerTexts => ({
	routes: routes.join('\n'),
	topics: topics.join('\n'),
	schedules: schedules.join('\n')
});
const KEYS = ['routes', 'topics', 'schedules'] as const;

/** An answer that has a script with its source. */
export const savedOf = ({ data, response }: { data: Schemas['Script']; response: Response }): Saved => ({
	script: data,
	source: data.source ?? '',
	tag: response.headers.get('etag')
});

export class Draft {
	/** As far as this page knows. */
	saved = $state.raw<Saved>();
	source = $state('');
	texts = $state<TriggerTexts>({ routes: '', topics: '', schedules: '' });
	/** Somebody else was first. */
	overtaken = $state.raw<Saved>();
	busy = $state(false);
	problem = $state.raw<Failure>();
	readonly sourceChanged = $derived(this.saved !== undefined && this.source !== this.saved.source);
	readonly #triggersChanged = $derived.by(() => {
		const { saved } = this;
		return saved !== undefined && KEYS.some((key) => lines(this.texts[key]).join('\n') !== textsOf(saved.script)[key]);
	});
	readonly changed = $derived(this.sourceChanged || this.#triggersChanged);

	constructor(private readonly path: { app: string; name: string }) {}

	/** What the server has now. What is being written stays; that there is something newer is said. */
	take(fresh: Saved): void {
		if (this.saved && fresh.tag === this.saved.tag) return;
		if (this.changed) this.overtaken = fresh;
		else this.adopt(fresh);
	}

	/** That, and nothing of what is being written. */
	adopt(fresh: Saved): void {
		this.saved = fresh;
		this.source = fresh.source;
		this.texts = textsOf(fresh.script);
		this.overtaken = undefined;
		this.problem = undefined;
	}

	async save(): Promise<void> {
		if (!this.saved || this.busy || !this.changed) return;
		this.busy = true;
		this.problem = undefined;
		// What is written while this is on its way is not saved by it.
		const sent = { source: this.source, texts: { ...this.texts } };
		try {
			const { data, response } = await withResponse(
				api.PUT('/api/v1/apps/{app}/scripts/{name}', {
					params: { path: this.path },
					headers: this.saved.tag ? { 'if-match': this.saved.tag } : {},
					body: {
						source: sent.source,
						routes: lines(sent.texts.routes),
						topics: lines(sent.texts.topics),
						schedules: lines(sent.texts.schedules)
					}
				})
			);
			const before = this.saved.script.version.number;
			this.saved = { script: data, source: sent.source, tag: response.headers.get('etag') };
			// The server may write them otherwise: sorted, and each once.
			for (const key of KEYS) if (this.texts[key] === sent.texts[key]) this.texts[key] = textsOf(data)[key];
			this.overtaken = undefined;
			toasts.done(data.version.number === before ? 'Saved.' : `Version ${data.version.number} is live.`);
		} catch (error) {
			const failure = asFailure(error);
			const theirs = failure.code === 'changed' ? await this.#read() : undefined;
			if (theirs) this.overtaken = theirs;
			else this.problem = failure;
		} finally {
			this.busy = false;
		}
	}

	/** Saves what is written over what somebody else has saved. */
	async keepMine(): Promise<void> {
		if (this.overtaken) this.saved = this.overtaken;
		this.overtaken = undefined;
		await this.save();
	}

	async #read(): Promise<Saved | undefined> {
		return withResponse(api.GET('/api/v1/apps/{app}/scripts/{name}', { params: { path: this.path } })).then(
			savedOf,
			() => undefined
		);
	}
}
