// What every test has: the dashboard's pages, which fail it by any violation of their policy, any error in the console, and any
// request to another host.
import { expect, test as base, type BrowserContext, type Page } from '@playwright/test';
import { appendFileSync } from 'node:fs';
import { Api } from './api';

export { expect };

interface Fixtures {
	api: Api;
	/** Statuses that the test brings about: Chromium writes each into the console. */
	expected: { statuses: number[]; offline: boolean };
	/** Opens a page as somebody who is signed in. */
	enter: (path: string, as?: Api) => Promise<Page>;
	/** A page of another browser, which is looked at in the same way; signed in, if somebody is named. */
	another: (path: string, as?: Api) => Promise<Page>;
}

type Expected = Fixtures['expected'];

/** Collects what the pages of a browser do wrong, and what they change through the API. */
async function watch(context: BrowserContext, expected: Expected, problems: string[]): Promise<void> {
	await context.addInitScript(() => {
		document.addEventListener('securitypolicyviolation', (event) =>
			console.error(
				`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`
			)
		);
	});
	context.on('console', (message) => {
		if (message.type() !== 'error' && !/Content Security Policy/.test(message.text())) return;
		const status = /^Failed to load resource: the server responded with a status of (\d+)/.exec(message.text());
		if (status && expected.statuses.includes(Number(status[1]))) return;
		if (expected.offline && /^Failed to load resource: net::ERR_/.test(message.text())) return;
		problems.push(`console: ${message.text()} (${message.location().url})`);
	});
	context.on('weberror', (error) => problems.push(`error: ${error.error().stack ?? error.error().message}`));
	context.on('request', (request) => {
		const { hostname, protocol } = new URL(request.url());
		if (protocol.startsWith('http') && hostname !== '127.0.0.1') problems.push(`request to another host: ${request.url()}`);
	});
	context.on('response', (response) => {
		const method = response.request().method();
		const { pathname } = new URL(response.url());
		if (response.ok() && method !== 'GET' && pathname.startsWith('/api/v1/'))
			appendFileSync(process.env.E2E_CHANGES!, `${method} ${pathname}\n`);
	});
}

async function open(page: Page, path: string, as: Api): Promise<Page> {
	await page.addInitScript((token) => {
		if (sessionStorage.getItem('visited') === null) {
			sessionStorage.setItem('visited', 'yes');
			sessionStorage.setItem('picloud.token', token);
		}
	}, as.token);
	await page.goto(as.manager + path);
	return page;
}

export const test = base.extend<Fixtures>({
	api: async ({}, use) => use(await Api.admin()),
	expected: async ({}, use) => use({ statuses: [], offline: false }),
	context: async ({ context, expected }, use) => {
		const problems: string[] = [];
		await watch(context, expected, problems);
		await use(context);
		expect(problems, 'what the pages did wrong').toEqual([]);
	},
	enter: async ({ page, api }, use) => use((path, as = api) => open(page, path, as)),
	another: async ({ browser, expected }, use) => {
		const problems: string[] = [];
		const contexts: BrowserContext[] = [];
		await use(async (path, as) => {
			const context = await browser.newContext();
			contexts.push(context);
			await watch(context, expected, problems);
			const page = await context.newPage();
			if (as) return open(page, path, as);
			await page.goto(process.env.E2E_MANAGER + path);
			return page;
		});
		for (const context of contexts) await context.close();
		expect(problems, 'what the pages of others did wrong').toEqual([]);
	}
});

/** Writes a source into the editor that has this name, in place of what is there. */
export async function write(page: Page, name: string | RegExp, source: string): Promise<void> {
	await page.getByRole('textbox', { name }).click();
	await page.keyboard.press('ControlOrMeta+A');
	await page.keyboard.press('Delete');
	await page.keyboard.insertText(source);
}
