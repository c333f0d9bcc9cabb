// Running an invocation again: what a record tells of what it was given, and where the payload of its event may be kept still. It is only
// told here; what is sent is for somebody to write and to send, since the same script may do another thing with less than it was given.
import { scriptHref } from './app';
import { api, ok, type Schemas } from './api/client';

/** What is known of what an invocation was given. */
export interface Again {
	/** `POST /path`, of an HTTP request: the path decoded, and cut at 1 KiB, as it is recorded. */
	request?: string;
	/** The payload of an event, where it is known. */
	event?: { payload: unknown };
}

const EVENT = 'event';
const LINE_BYTES = 1_024;
/** Dead letters come with their payloads, so they are not all gone through. */
const PAGE = 50;
const MOST_PAGES = 10;

/** The address of the editor whose panel is filled in with that request; or, without one, made ready for an event. */
export const againHref = (app: string, script: string, request?: string | null): string =>
	`${scriptHref(app, script)}?try=${encodeURIComponent(request ?? EVENT)}`;

/** What an address of [`againHref`] asks for. */
export function againOf(url: URL, { again }: App.PageState): Again | undefined {
	const asked = url.searchParams.get('try');
	if (asked === null) return undefined;
	return asked === EVENT ? { event: again } : { request: asked };
}

/** A recorded request as it can be sent: its method, its path with what an address must encode, and whether some of the path was cut off. */
export function parsed(request: string): { method: string; path: string; cut: boolean } {
	const space = request.indexOf(' ');
	const [method, path] = space < 0 ? [request, '/'] : [request.slice(0, space), request.slice(space + 1)];
	return {
		method,
		path: path
			.split('/')
			// Half of a pair, which nothing can encode, becomes a sign of its own.
			.map((segment) => encodeURIComponent(segment.toWellFormed()))
			.join('/'),
		// A character of up to four bytes is not cut through.
		cut: new TextEncoder().encode(request).length > LINE_BYTES - 4
	};
}

/** What an invocation's event held, if it is known: a schedule's holds nothing, and a delivery that has failed has its payload while it is
 * tried again and as a dead letter. */
export async function eventOf(app: string, { id, script, trigger }: Schemas['InvocationSummary']): Promise<Again['event']> {
	if (trigger === 'schedule') return { payload: null };
	if (trigger !== 'topic') return undefined;
	return (await waiting(app, id, script)) ?? (await dead(app, id));
}

async function waiting(app: string, invocation: string, script: string): Promise<Again['event']> {
	let before: string | undefined;
	for (let page = 0; page < MOST_PAGES; page += 1) {
		const query = { script, before, limit: 200 };
		const { items, next } = await ok(api.GET('/api/v1/apps/{app}/deliveries', { params: { path: { app }, query } }));
		const found = items.find(({ last_invocation }) => last_invocation === invocation);
		if (found) {
			const path = { app, id: found.id };
			const { data, response } = await api.GET('/api/v1/apps/{app}/deliveries/{id}', { params: { path } });
			// It may have ended meanwhile: then it has arrived, or is a dead letter.
			return response.ok && data ? { payload: data.payload ?? null } : undefined;
		}
		if (next == null) return undefined;
		before = next;
	}
	return undefined;
}

async function dead(app: string, invocation: string): Promise<Again['event']> {
	let before: string | undefined;
	for (let page = 0; page < MOST_PAGES; page += 1) {
		const query = { before, limit: PAGE };
		const { items, next } = await ok(api.GET('/api/v1/apps/{app}/dead-letters', { params: { path: { app }, query } }));
		const found = items.find(({ last_invocation }) => last_invocation === invocation);
		if (found) return { payload: found.payload ?? null };
		if (next == null) return undefined;
		before = next;
	}
	return undefined;
}
