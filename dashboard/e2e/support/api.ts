// The API and the apps' front door, without a browser: what tests need around them.
import { expect } from '@playwright/test';
import { ADMIN } from './server';

export class Api {
	constructor(
		readonly manager: string,
		readonly ingress: string,
		readonly token: string
	) {}

	/** The suite's server, as its administrator. */
	static async admin(manager = process.env.E2E_MANAGER!, ingress = process.env.E2E_INGRESS!): Promise<Api> {
		const open = new Api(manager, ingress, '');
		const { token } = await open.send<{ token: string }>('POST', '/auth/login', ADMIN);
		return new Api(manager, ingress, token);
	}

	async send<T>(method: string, path: string, body?: unknown): Promise<T> {
		const headers: Record<string, string> = this.token ? { authorization: `Bearer ${this.token}` } : {};
		if (body !== undefined) headers['content-type'] = 'application/json';
		const answer = await fetch(`${this.manager}/api/v1${path}`, {
			method,
			headers,
			body: body === undefined ? undefined : JSON.stringify(body)
		});
		const text = await answer.text();
		expect(answer.ok, `${method} ${path}: ${answer.status} ${text}`).toBe(true);
		return (text === '' ? undefined : JSON.parse(text)) as T;
	}

	async app(slug: string): Promise<void> {
		await this.send('POST', '/apps', { slug });
	}

	async script(
		app: string,
		name: string,
		source: string,
		triggers: { routes?: string[]; topics?: string[]; schedules?: string[] } = {}
	): Promise<void> {
		await this.send('PUT', `/apps/${app}/scripts/${encodeURIComponent(name)}`, { source, ...triggers });
	}

	async file(app: string, path: string, content: string): Promise<void> {
		const answer = await fetch(`${this.manager}/api/v1/apps/${app}/files/${encodeURIComponent(path)}`, {
			method: 'PUT',
			headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/octet-stream' },
			body: content
		});
		expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
	}

	/** A request to an app, as anybody sends it. */
	async call(app: string, path: string, init: RequestInit = {}): Promise<Response> {
		return fetch(`${this.ingress}/${app}${path}`, init);
	}

	/** Somebody else, with a role in an app. */
	async user(name: string, app: string, role: 'viewer' | 'editor' | 'owner'): Promise<Api> {
		const invited = await this.send<{ token: string }>('POST', `/apps/${app}/invitations`, { role });
		const nobody = new Api(this.manager, this.ingress, '');
		const joined = await nobody.send<{ token: string }>('POST', '/invitations/accept', {
			token: invited.token,
			username: name,
			password: ADMIN.password
		});
		return new Api(this.manager, this.ingress, joined.token);
	}
}
