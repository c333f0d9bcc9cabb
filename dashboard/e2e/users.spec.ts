// The server's users: invited, given more, shut out, deleted.
import { Api } from './support/api';
import { ADMIN } from './support/server';
import { expect, test } from './support/test';

test('a user is invited, gets more rights, is shut out, let in again and deleted', async ({ api, enter, another, expected }) => {
	const page = await enter('/server?tab=users');
	const dialog = page.getByRole('dialog');
	const invite = async (): Promise<string> => {
		await page.getByRole('button', { name: 'Invite a user' }).click();
		await dialog.getByRole('button', { name: 'Make the link' }).click();
		const link = page.getByRole('dialog', { name: 'Invitation' });
		const url = await link.locator('pre').textContent();
		await page.keyboard.press('Escape');
		return new URL(url!).href.replace(api.manager, '');
	};
	const invitations = page.getByRole('row', { name: /the server, to make apps/ });
	await expect(page.getByRole('heading', { name: 'Open invitations' })).toBeVisible();
	await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
	const before = await invitations.count();
	const link = await invite();
	await expect(invitations).toHaveCount(before + 1);
	await invite();
	await expect(invitations).toHaveCount(before + 2);
	// The newest first.
	await invitations
		.first()
		.getByRole('button', { name: /^Revoke/ })
		.click();
	await expect(invitations).toHaveCount(before + 1);

	const theirs = await another(link);
	await theirs.getByLabel('User name').fill('ute');
	await theirs.getByLabel('Password', { exact: true }).fill(ADMIN.password);
	await theirs.getByLabel('The password again').fill(ADMIN.password);
	await theirs.getByRole('button', { name: 'Accept the invitation' }).click();
	await expect(theirs.getByRole('heading', { name: 'Apps', level: 1 })).toBeVisible();
	await expect(theirs.getByRole('button', { name: 'New app' }).first()).toBeVisible();

	await page.reload();
	const row = page.getByRole('row', { name: /^ute/ });
	await expect(page.getByLabel('ute makes apps')).toBeChecked();
	await page.getByLabel('ute makes apps').uncheck();
	await expect(page.getByText('Saved.').first()).toBeVisible();
	await theirs.reload();
	await expect(theirs.getByText('An app’s owner, or an administrator, can let you in.')).toBeVisible();
	await expect(theirs.getByRole('button', { name: 'New app' })).toHaveCount(0);
	await page.getByLabel('ute is an administrator').check();
	await expect.poll(async () => (await me(api)).admin).toBe(true);
	await theirs.reload();
	await theirs.goto(`${api.manager}/server?tab=users`);
	await expect(theirs.getByRole('row', { name: /^ada/ })).toBeVisible();

	expected.statuses.push(401, 403);
	await page.getByLabel('ute signs in').uncheck();
	await expect.poll(() => me(api).then((user) => user.disabled)).toBe(true);
	await theirs.reload();
	await expect(theirs.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible();
	await theirs.getByRole('dialog').getByLabel('User name').fill('ute');
	await theirs.getByRole('dialog').getByLabel('Password').fill(ADMIN.password);
	await theirs.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
	await expect(theirs.getByRole('dialog').getByRole('alert')).toBeVisible();
	await page.getByLabel('ute signs in').check();
	await expect.poll(() => me(api).then((user) => user.disabled)).toBe(false);
	await theirs.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
	await expect(theirs.getByRole('row', { name: /^ada/ })).toBeVisible();

	await row.getByRole('button', { name: 'Delete ute' }).click();
	await dialog.getByLabel('To confirm, type ute').fill('ute');
	await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
	await expect(row).toHaveCount(0);
	await expect(page.getByRole('row', { name: /^ada/ }).getByRole('button')).toHaveCount(0);
});

async function me(api: Api): Promise<{ admin: boolean; disabled: boolean }> {
	const { items } = await api.send<{ items: { username: string; admin: boolean; disabled: boolean }[] }>(
		'GET',
		'/users?limit=200'
	);
	return items.find((user) => user.username === 'ute')!;
}
