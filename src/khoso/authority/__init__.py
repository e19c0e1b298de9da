"""Who may do what, and who gave it to him: roles as data, and assignments of them.

What a right amounts to is decided in `khoso.caller`; here rights are given, ended and listed, all of it audited.
"""
