// The server's page: its settings as it was started, and nothing of them for who is no administrator.
import { Api } from './support/api';
import { ADMIN, Server } from './support/server';
import { expect, test } from './support/test';

test('an administrator sees what the server was started with', async ({ enter }) => {
	const page = await enter('/server');
	await page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Settings' }).click();
	const process_ = page.getByRole('region', { name: 'Process' });
	await expect(process_.getByText(/^\d+\.\d+\.\d+/)).toBeVisible();
	await expect(process_.getByText('1 attempt', { exact: true })).toBeVisible();
	await expect(process_.getByText('64', { exact: true })).toBeVisible();
	await expect(page.getByRole('region', { name: 'Database' }).getByText(/^SQLite 3\./)).toBeVisible();
	await expect(page.getByRole('row', { name: /^Fuel of one invocation/ })).toContainText('500,000,000');
	await expect(page.getByText('picloud --help')).toBeVisible();
	await expect(page.getByRole('textbox')).toHaveCount(0);
});

test('who is no administrator sees nothing of it', async ({ api, enter }) => {
	await api.app('mine');
	const otto = await api.user('otto', 'mine', 'owner');
	const asked: string[] = [];
	const page = await enter('/server?tab=settings', otto);
	page.on('request', (request) => asked.push(new URL(request.url()).pathname));
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	await expect(page.getByRole('region', { name: 'Process' })).toHaveCount(0);
	await page.goto(`${api.manager}/server?tab=users`);
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Invite a user' })).toHaveCount(0);
	await page.goto(`${api.manager}/server`);
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	expect(asked).toContain('/api/v1/auth/me');
	expect(asked.filter((path) => path === '/metrics' || path === '/readyz')).toEqual([]);
});

test('the health of a server that was away is read again by itself', async ({ page, expected }) => {
	const server = await Server.start();
	try {
		const open = new Api(server.manager, server.ingress, '');
		const { token } = await open.send<{ token: string }>('POST', '/setup', { token: server.setupToken, ...ADMIN });
		await page.addInitScript((token) => sessionStorage.setItem('picloud.token', token), token);
		await page.goto(`${server.manager}/server`);
		const outcomes = page.getByRole('region', { name: 'Outcomes' });
		await expect(outcomes.getByText('Nothing has run since it started.')).toBeVisible();
		expected.offline = true;
		await server.stop();
		// Nothing else on the page asks for anything: it is noticed by what reads the health.
		await expect(page.getByText('The server does not answer.')).toBeVisible();
		await server.again();
		await expect(page.getByText('The server does not answer.')).toHaveCount(0);
		const api = new Api(server.manager, server.ingress, token);
		await api.app('back');
		await api.script('back', 'page', '"here"', { routes: ['GET /page'] });
		await api.call('back', '/page');
		await expect(outcomes.getByRole('row', { name: /ok 1/ })).toBeVisible();
	} finally {
		await server.end();
	}
});
