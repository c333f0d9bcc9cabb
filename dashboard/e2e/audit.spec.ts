// The audit log, filtered and page after page.
import { expect, test } from './support/test';

test('what was changed is found by who and what', async ({ api, enter }) => {
	await api.app('audited');
	const eve = await api.user('eve', 'audited', 'editor');
	for (let n = 0; n < 60; n += 1) await api.send('PUT', `/apps/audited/vars/NAME_${n}`, { value: 'x' });
	await eve.send('PUT', '/apps/audited/kv/colour', { value: 'blue' });
	const page = await enter('/apps/audited/audit');
	const rows = page.getByRole('table').getByRole('row');
	await expect(rows).toHaveCount(51);
	await page.getByRole('button', { name: 'More' }).click();
	await expect(page.getByRole('row', { name: /create_app debug/ })).toBeVisible();
	await page.getByRole('searchbox', { name: 'User' }).fill('eve');
	await expect(page.getByRole('row', { name: /set_key colour/ })).toBeVisible();
	await expect(page.getByRole('row', { name: /set_var/ })).toHaveCount(0);
	await page.getByLabel('Operation').fill('set_var');
	await expect(page.getByText('No entry that fits')).toBeVisible();
	await page.getByRole('searchbox', { name: 'User' }).fill('');
	await expect(page.getByRole('row', { name: /set_var NAME_59/ })).toBeVisible();
	await page.goto(`${api.manager}/server?tab=audit`);
	await page.getByRole('searchbox', { name: 'User' }).fill('eve');
	await expect(page.getByRole('row', { name: /set_key audited colour/ })).toBeVisible();
});

test('changes of limits and of what other pages may do are told in words', async ({ api, enter }) => {
	await api.app('worded');
	await api.send('PATCH', '/apps/worded', {
		limits: { fuel: 5_000_000, record_days: null },
		cors: { origins: ['https://a.example', 'https://b.example'], credentials: true }
	});
	await api.send('PATCH', '/apps/worded', { cors: null });
	const page = await enter('/apps/worded/audit');
	const row = page.getByRole('row', { name: /update_app/ });
	await expect(row.nth(0)).toContainText('pages of other origins: as the scripts say');
	await expect(row.nth(1)).toContainText('Fuel of one invocation: 5,000,000; Days that records are kept: the default');
	await expect(row.nth(1)).toContainText('pages of https://a.example, https://b.example, may send');
	await expect(page.getByRole('table')).not.toContainText('{');
});

test('an audit log that cannot be read is read again by itself', async ({ api, enter, expected }) => {
	await api.app('audited-later');
	expected.statuses.push(500);
	let fails = 2;
	const page = await enter('/account');
	await page.route('**/api/v1/apps/audited-later/audit?**', async (route) => {
		if (fails-- > 0)
			await route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'the disk is full', request_id: 'r' } } });
		else await route.continue();
	});
	await page.goto(`${api.manager}/apps/audited-later/audit`);
	await expect(page.getByText('The disk is full.')).toBeVisible();
	await expect(page.getByRole('row', { name: /create_app/ })).toBeVisible();
	await expect(page.getByText('The disk is full.')).toHaveCount(0);
});
