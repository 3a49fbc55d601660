select status, count(id) from webhook_events group by status
