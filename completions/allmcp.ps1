# PowerShell completions of allmcp. The program itself says what fits, so this file never goes stale.
$env:ALLMCP_COMPLETE = "powershell"
allmcp | Out-String | Invoke-Expression
Remove-Item Env:\ALLMCP_COMPLETE
