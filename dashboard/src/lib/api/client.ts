// The API, typed by its own document. Whatever goes wrong becomes a `Failure`, which says what to do.
import createClient from 'openapi-fetch';
import { connection } from '$lib/connection.svelte';
import { session } from '$lib/session.svelte';
import type { components, paths } from '$schema';

export type Schemas = components['schemas'];

/** A request that was not answered as hoped. */
export class Failure extends Error {
	override readonly name = 'Failure';

	constructor(
		message: string,
		/** The HTTP status; 0 where there was no answer at all. */
		readonly status: number,
		/** The API's word for programs, such as `not_found`. */
		readonly code: string,
		readonly requestId?: string,
		/** Where in a script it is, if it is in one. */
		readonly at?: { script?: string | null; line?: number | null; column?: number | null }
	) {
		super(message);
	}

	/** Whether asking again later may help, without anybody doing anything. */
	get passes(): boolean {
		return this.status === 0 || this.status === 429 || this.status >= 500 || (this.status === -1 && this.code === 'unknown');
	}

	/** Whether the session is over. */
	get signedOut(): boolean {
		return this.status === 401 && this.code === 'unauthorized';
	}
}

/** A request that is answered, whatever the answer is; else the connection is lost, and watched until it is there again. */
export async function request(input: Request): Promise<Response> {
	const token = session.token;
	if (token !== undefined && !input.headers.has('authorization')) input.headers.set('authorization', `Bearer ${token}`);
	let response: Response;
	try {
		response = await fetch(input);
	} catch (error) {
		if (input.signal.aborted) throw error;
		connection.lost();
		throw new Failure(
			input.method === 'GET'
				? 'The server does not answer. It is asked again until it does.'
				: 'The server does not answer. Whether it has done this is not known: look before you try again.',
			0,
			'offline'
		);
	}
	connection.answered();
	if (response.status === 401 && token !== undefined && token === session.token) {
		const { error } = (await response
			.clone()
			.json()
			.catch(() => ({}))) as { error?: { code?: string } };
		if (error?.code === 'unauthorized') session.expire();
	}
	return response;
}

/** Browsers take `.` and `..` out of an address, however they are encoded, and would ask for something else. */
function address(pathname: string, params: Record<string, unknown>): string {
	const dots = Object.values(params).find((value) => value === '.' || value === '..');
	if (dots !== undefined) throw new Failure(`“${String(dots)}” cannot stand in an address: only scripts reach it.`, -1, 'dots');
	return pathname.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
}

/** One method for each of HTTP's; paths, parameters and answers are those of docs/openapi.json. */
export const api = createClient<paths>({
	baseUrl: location.origin,
	fetch: request,
	credentials: 'omit',
	pathSerializer: address
});

/** What the API told of a failure, or the best that can be said of another server's page. */
export function failure(response: Response, body: unknown): Failure {
	const told = (body as { error?: Partial<Schemas['ErrorDetail']> } | undefined)?.error;
	if (told && typeof told === 'object' && typeof told.message === 'string') {
		const { script, line, column } = told;
		return new Failure(sentence(named(told.message)), response.status, told.code ?? '', told.request_id, {
			script,
			line,
			column
		});
	}
	const what =
		response.status >= 500
			? 'The server, or a proxy in front of it, has a problem'
			: 'The answer is none of PiCloud’s; perhaps a proxy stands in between';
	return new Failure(`${what} (${response.status}).`, response.status, 'unknown');
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer, or its failure thrown. */
export async function ok<T>(answer: Promise<Answer<T>>): Promise<T> {
	return (await withResponse(answer)).data;
}

/** The same with the response, for its headers. */
export async function withResponse<T>(answer: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
	const { data, error, response } = await answer;
	if (!response.ok) throw failure(response, error);
	return { data: data as T, response };
}

/** Whatever was thrown, as a failure. */
export function asFailure(error: unknown): Failure {
	if (error instanceof Failure) return error;
	if (error instanceof SyntaxError)
		return new Failure('The answer is no JSON; perhaps a proxy stands in between.', 502, 'unknown');
	return new Failure(error instanceof Error ? error.message : String(error), -1, 'unknown');
}

/** Without the place in the list that was sent, where what is wrong is named: `schedules[0]: schedule "99 …": …`. */
const named = (text: string): string => text.replace(/^(\w+)s\[\d+\]: (?=\1 ")/, '');

function sentence(text: string): string {
	const capital = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
