"""What can be done to the tracker."""
