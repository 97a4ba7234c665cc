"""What people look at: figures of cases and of cohorts."""
