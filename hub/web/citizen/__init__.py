"""The patient's page: what is theirs, who received it, and who may."""
