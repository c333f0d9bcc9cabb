// The server's page: its settings as it was started, and nothing of them for who is no administrator.
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
	const page = await enter('/server?tab=settings', otto);
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	await expect(page.getByRole('region', { name: 'Process' })).toHaveCount(0);
	await page.goto(`${api.manager}/server?tab=users`);
	await expect(page.getByText('For administrators of this server')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Invite a user' })).toHaveCount(0);
});
