"""Credentials for downloads and payload logs, as KServe finds them: in ServiceAccounts, Secrets and storage specs.

Values of Secrets stay where they are: containers refer to them. Only what is no secret (an endpoint, a host, the type of
a storage) is read, and nothing that was read is ever part of a message.
"""
